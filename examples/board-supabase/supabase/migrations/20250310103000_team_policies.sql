create policy "members see their teams"
  on public.teams for select to authenticated
  using (public.is_member(id) or created_by = auth.uid());

create policy "anyone signed in founds a team"
  on public.teams for insert to authenticated
  with check (created_by = auth.uid());

create policy "owners change their teams"
  on public.teams for update to authenticated
  using (public.is_owner(id));

create policy "members see who else is there"
  on public.team_members for select to authenticated
  using (public.is_member(team_id));

create policy "owners let people in and out"
  on public.team_members for all to authenticated
  using (public.is_owner(team_id))
  with check (public.is_owner(team_id));
