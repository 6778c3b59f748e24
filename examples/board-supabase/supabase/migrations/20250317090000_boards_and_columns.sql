create table public.boards (
  id bigint generated always as identity primary key,
  team_id bigint not null references public.teams (id) on delete cascade,
  title text not null,
  archived_at timestamptz
);

create table public.columns (
  id bigint generated always as identity primary key,
  board_id bigint not null references public.boards (id) on delete cascade,
  title text not null,
  position integer not null,
  unique (board_id, position) deferrable initially deferred
);

create index boards_team on public.boards (team_id);
alter table public.boards enable row level security;
alter table public.columns enable row level security;

create policy "members use their boards" on public.boards for all to authenticated
  using (public.is_member(team_id)) with check (public.is_member(team_id));

create policy "members use their boards' columns" on public.columns for all to authenticated
  using (exists (select 1 from public.boards b where b.id = board_id))
  with check (exists (select 1 from public.boards b where b.id = board_id));
