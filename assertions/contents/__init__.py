"""Is an exported file what was asked for? Bytes in, findings out; nothing is opened, fetched or written here.

Strict where the contract speaks (`docs/contract.md`, section 2), tolerant in all that it leaves open: line ends,
quoting, the spelling of a float, a PDF's layout, fonts and order of drawing.
"""
