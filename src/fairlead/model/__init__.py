"""What a workflow and a run are: data, and the one fold over it. No input or output here."""
