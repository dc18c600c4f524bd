"""What does each command of `quarterdeck` do? One module each, with its arguments and its `main`.

A module imports what takes long where it is used, so that an unchanged run is answered within a second.
"""
