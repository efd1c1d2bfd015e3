"""The objects that every org has, in the notation of `schema.parse_objects`."""
