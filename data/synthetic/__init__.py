"""Procedurally generated radiographs with reports and histories; no patient data.

- `generate` returns `SyntheticStudies`: a table of texts and ground truth, and the images.
- `FINDINGS` lists the findings and their places, `VIEWS` the regions; `NOTICE` is the notice that the data
  is synthetic.

factors     regions, findings and their places
plan        what each study shows, drawn at random
pose        position of the patient in the frame
shapes      shapes as depth maps
anatomy/    one module per region draws tissue, bones and findings
scene       the attenuation layers that the anatomy modules draw into
film_grain  from attenuation to a grey image: noise and grain, window, marker, shutters
render      draws a planned study
reports     reports; phrases holds their wording
histories   clinical histories
studies     the whole set
"""

from suture.data.synthetic.factors import FINDINGS, NO_FINDING, NOTICE, VIEWS
from suture.data.synthetic.studies import SyntheticStudies, generate

__all__ = ["FINDINGS", "NOTICE", "NO_FINDING", "VIEWS", "SyntheticStudies", "generate"]
