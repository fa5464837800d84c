"""What users call: workflows that run, runs that can be asked."""
