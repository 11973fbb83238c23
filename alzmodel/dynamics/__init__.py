"""How atoms move: vibrations and transport."""
