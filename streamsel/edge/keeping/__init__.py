"""keeping: pictures of picks on disk, within a quota, and those of frames that may yet be picked."""
