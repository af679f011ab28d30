"""Pictures of runs, and one page of HTML that holds them all."""
