create function public.may_write(team bigint) returns boolean
language sql stable security definer set search_path = ''
as $$
  select exists (
    select 1 from public.team_members m
    where m.team_id = team and m.profile_id = auth.uid() and m.role <> 'viewer'
  );
$$;

create policy "viewers write no cards" on public.cards as restrictive for insert to authenticated
  with check (
    (select public.may_write(b.team_id)
     from public.columns c join public.boards b on b.id = c.board_id
     where c.id = column_id)
  );
