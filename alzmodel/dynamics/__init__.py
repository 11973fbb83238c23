"""How atoms move: vibrations about a minimum with their Raman spectra, and transport."""
