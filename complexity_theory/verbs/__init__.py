"""The public verbs: text or objects in, a result out, with named fields, a frame, a short repr and an HTML view.

The command line, notebooks, figures and the page call these and print; nothing here prints.
"""
