"""Candidates to a ranking: what a language model reads, how it learns from pairs, and how its order is measured."""
