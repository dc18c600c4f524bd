"""Where do people read a finished run? Only this room knows Voilà. Viewing executes nothing."""
