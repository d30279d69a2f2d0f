"""Pictures of any size, from files that are decoded when their rows are asked for.

- `kaug.sources.files`: by their paths;
- `kaug.sources.folder`: a folder of class folders;
- `kaug.sources.table`: named in a column of a table, beside their labels;
- `kaug.sources.coco`: with objects, by a JSON file of COCO's form;
- `kaug.sources.voc`: with objects, in folders as PASCAL VOC has them;
- `kaug.sources.yolo`: with objects, in text files as a data.yaml names them.
"""

from kaug.sources._coco import coco
from kaug.sources._folder import folder
from kaug.sources._masks import Masks
from kaug.sources._pictures import Pictures, files
from kaug.sources._table import table
from kaug.sources._voc import voc
from kaug.sources._yolo import yolo

__all__ = ["Masks", "Pictures", "coco", "files", "folder", "table", "voc", "yolo"]
