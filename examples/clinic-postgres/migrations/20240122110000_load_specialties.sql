-- Description: Medical specialties, loaded from the national list

CREATE TABLE specialties (
    code        text PRIMARY KEY,
    title       text NOT NULL,
    description text
);

-- Nobody edits this list by hand: it is pasted as exported, tabs and all.
COPY specialties (code, title, description) FROM stdin;
cardio	Cardiology	Heart and vessels; includes ECG
derma	Dermatology	Skin, hair and nails
ent	Ear, nose & throat	\N
gp	General practice	First contact; "family doctor"
gyn	Women's health	Gynaecology -- and antenatal care
paed	Pædiatrics	Patients under 16\nincluding newborns
psy	Psychiatry	Costs $$ per session; see tariff
\.

CREATE TABLE staff_specialties (
    staff_id  bigint NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    specialty text NOT NULL REFERENCES specialties (code),
    PRIMARY KEY (staff_id, specialty)
);

-- Rollback
-- DROP TABLE staff_specialties;
-- DROP TABLE specialties;
