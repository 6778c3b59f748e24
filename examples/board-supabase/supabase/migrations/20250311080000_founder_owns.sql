create function public.add_founder() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.team_members (team_id, profile_id, role)
  values (new.id, new.created_by, 'owner');
  return new;
end;
$$;

create trigger founder_owns
  after insert on public.teams
  for each row execute function public.add_founder();
