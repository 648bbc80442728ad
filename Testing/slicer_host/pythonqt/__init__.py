"""A ``qt`` module over PySide6 that follows PythonQt's rules. See ``pythonqt_behaviour`` tests beside it."""
