"""Frame in; picture, table or sentence out. Nothing here computes a figure."""
