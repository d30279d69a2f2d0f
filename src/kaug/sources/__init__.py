"""Pictures of any size, from files that are decoded when their rows are asked for.

- `kaug.sources.files`: by their paths;
- `kaug.sources.folder`: a folder of class folders;

"""

from kaug.sources._folder import folder
from kaug.sources._pictures import Pictures, files

__all__ = ["Pictures", "files", "folder"]
