"""What users type, read and keep, as it was on one day: the package may change inside, these may not by chance.

==================  ==============================================================================================
task_keys           keys of all tasks of the presets, of the files in ``studies/`` and of one screen
options             every command with its options; every key of a study file
outputs             what each command prints and writes: keys, and numbers within 1e-5 (fits to measured curves and
                    relaxations 1e-3); keys and kinds alone after molecular dynamics
outputs_fem         the same of the commands that build FEM specimens from models, whose numbers will change
import_paths        modules, functions and classes that could be imported
*.tar.xz           folders of a finished, a half-melted and a failed study, with records as they were written
==================  ==============================================================================================

``cases.py`` holds the commands, ``paths.py`` all imports of the package, ``make.py`` writes the data anew and says what
differs. Stages are held by the finished study: what they make of its glasses today is what its records say.
"""
