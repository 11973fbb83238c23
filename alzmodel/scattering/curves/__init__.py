"""Files of measured curves: what is in them, in what units, and at which wavelength."""
