-- Used only by the next file: a new value of an enum can't be used where it is added.
alter type public.team_role add value 'viewer' after 'member';
