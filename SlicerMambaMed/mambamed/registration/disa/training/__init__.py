"""Training of the DISA network on synthetic volumes, without registered or patient data (DISA, section 3)."""
