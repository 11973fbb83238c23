from alzmodel.api import Composition as Composition
from alzmodel.api import calculator as calculator
from alzmodel.api import crystal as crystal
from alzmodel.api import exafs as exafs
from alzmodel.api import fem as fem
from alzmodel.api import frames as frames
from alzmodel.api import glass as glass
from alzmodel.api import glass_ceramic as glass_ceramic
from alzmodel.api import lay_over as lay_over
from alzmodel.api import lbu as lbu
from alzmodel.api import library as library
from alzmodel.api import nanocrystal as nanocrystal
from alzmodel.api import open_study as open_study
from alzmodel.api import pdf as pdf
from alzmodel.api import read_curve as read_curve
from alzmodel.api import transport as transport
from alzmodel.api import vibrations as vibrations
from alzmodel.api import view as view
from alzmodel.api import write as write
from alzmodel.api import xrd as xrd
from alzmodel.errors import AlzmodelError as AlzmodelError
from alzmodel.errors import InputError as InputError

__version__: str
