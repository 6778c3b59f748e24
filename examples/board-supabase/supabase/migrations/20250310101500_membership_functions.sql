-- A policy on team_members that reads team_members would never end; these functions look without it.
create function public.is_member(team bigint) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select 1 from public.team_members m where m.team_id = team and m.profile_id = auth.uid()
  );
$$;

create function public.is_owner(team bigint) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select 1 from public.team_members m
    where m.team_id = team and m.profile_id = auth.uid() and m.role = 'owner'
  );
$$;

revoke execute on function public.is_member(bigint), public.is_owner(bigint) from public, anon;
grant execute on function public.is_member(bigint), public.is_owner(bigint) to authenticated;
