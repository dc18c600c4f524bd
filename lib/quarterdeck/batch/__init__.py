"""How does every notebook run for every region? Only this room knows papermill."""
