"""Follows the history, keeps the incidents of jobs, and tells the channels about them, all beside the hot path."""
