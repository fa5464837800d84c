"""The command line: words in, words out. It asks the API and nothing else."""
