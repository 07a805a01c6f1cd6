"""Synthetic radiographs with reports and histories, made by procedure, no patient data.

- `generate` makes a `SyntheticStudies`: a table of texts and ground truth, and its images.
- `FINDINGS` lists what can be found and where, `VIEWS` the regions; `NOTICE` says what this is.
"""

from suture.data.synthetic.factors import FINDINGS, NO_FINDING, NOTICE, VIEWS
from suture.data.synthetic.studies import SyntheticStudies, generate

__all__ = ["FINDINGS", "NOTICE", "NO_FINDING", "VIEWS", "SyntheticStudies", "generate"]
