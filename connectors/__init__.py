"""CRM records to our leads and back; also the sandbox CRMs to try things on."""
