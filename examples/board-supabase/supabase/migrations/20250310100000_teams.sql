create type public.team_role as enum ('owner', 'member');

create table public.teams (
  id bigint generated always as identity primary key,
  name text not null check (length(name) between 1 and 80),
  created_by uuid not null references public.profiles (id),
  created_at timestamptz not null default now()
);

create table public.team_members (
  team_id bigint not null references public.teams (id) on delete cascade,
  profile_id uuid not null references public.profiles (id) on delete cascade,
  role public.team_role not null default 'member',
  primary key (team_id, profile_id)
);

alter table public.teams enable row level security;
alter table public.team_members enable row level security;
