"""The functions that `import edgeprune` offers where they take more than the library's own: typed keywords.

    build.py search.py             a build, and many of them: every setting of a recipe is a keyword
    bench.py compare.py check.py export.py report.py           what to do with a bundle
    progress.py notebook.py        how long calls show how far they are

`prune`, `shrink`, `inspect` and `read_bundle` are offered as they are. Names and defaults are those of the
command line; `tests/test_signatures.py` compares them.
"""
