create table public.activity (
  id bigint generated always as identity primary key,
  board_id bigint not null references public.boards (id) on delete cascade,
  actor_id uuid,
  kind text not null,
  payload jsonb not null default '{}',
  at timestamptz not null default now()
);

create function public.log_card() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  board bigint;
begin
  select c.board_id into board from public.columns c where c.id = new.column_id;
  insert into public.activity (board_id, actor_id, kind, payload)
  values (board, auth.uid(), lower(tg_op), jsonb_build_object('card', new.id, 'title', new.title));
  return null;
end;
$$;

create trigger log_cards after insert or update of column_id on public.cards
  for each row execute function public.log_card();

alter table public.activity enable row level security;
create policy "members read what happened" on public.activity for select to authenticated
  using (exists (select 1 from public.boards b where b.id = board_id));
