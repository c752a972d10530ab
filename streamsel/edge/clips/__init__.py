"""clips: the seconds before and behind a pick, cut from encoded packets without encoding anything again."""
