"""What measures, compares and reports; it knows no loop and no case by name."""
