"""The templates of all sentences, one module for each subject. Only `catalogue` and `recognition` import from here."""
