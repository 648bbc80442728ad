"""The ``mambamed`` command: one thin file per verb; a verb's file is imported only when that verb is used."""
