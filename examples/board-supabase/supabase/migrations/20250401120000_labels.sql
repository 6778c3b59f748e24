create table public.labels (
  id bigint generated always as identity primary key,
  board_id bigint not null references public.boards (id) on delete cascade,
  name text not null,
  colour text not null check (colour ~ '^#[0-9a-f]{6}$'),
  unique (board_id, name)
);

create table public.card_labels (
  card_id bigint references public.cards (id) on delete cascade,
  label_id bigint references public.labels (id) on delete cascade,
  primary key (card_id, label_id)
);

do $$
declare
  name text;
begin
  foreach name in array array['labels', 'card_labels'] loop
    execute format('alter table public.%I enable row level security;', name);
  end loop;
end;
$$;

create policy "members use labels" on public.labels for all to authenticated
  using (exists (select 1 from public.boards b where b.id = board_id));
create policy "members put labels on cards" on public.card_labels for all to authenticated
  using (exists (select 1 from public.cards c where c.id = card_id));
