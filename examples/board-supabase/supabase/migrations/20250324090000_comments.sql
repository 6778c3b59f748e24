create table public.comments (
  id bigint generated always as identity primary key,
  card_id bigint not null references public.cards (id) on delete cascade,
  author_id uuid not null references public.profiles (id),
  body text not null check (length(body) between 1 and 5000),
  created_at timestamptz not null default now()
);

create index comments_card on public.comments (card_id, created_at);
alter table public.comments enable row level security;

create policy "members read comments" on public.comments for select to authenticated
  using (exists (select 1 from public.cards c where c.id = card_id));
create policy "members comment" on public.comments for insert to authenticated
  with check (author_id = auth.uid() and exists (select 1 from public.cards c where c.id = card_id));
create policy "authors take comments back" on public.comments for delete to authenticated
  using (author_id = auth.uid());
