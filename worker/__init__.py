"""Joins CRMs and ranker: the store, the jobs, the command line. The only part that reads the environment."""
