create table public.cards (
  id bigint generated always as identity primary key,
  column_id bigint not null references public.columns (id) on delete cascade,
  author_id uuid not null references public.profiles (id),
  title text not null check (title <> ''),
  body text not null default '',
  position numeric not null default 1000,
  due_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index cards_place on public.cards (column_id, position);
alter table public.cards enable row level security;

create policy "members see cards" on public.cards for select to authenticated
  using (exists (select 1 from public.columns c where c.id = column_id));
create policy "members write cards" on public.cards for insert to authenticated
  with check (author_id = auth.uid() and exists (select 1 from public.columns c where c.id = column_id));
create policy "members change cards" on public.cards for update to authenticated
  using (exists (select 1 from public.columns c where c.id = column_id));
