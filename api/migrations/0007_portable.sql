-- `user` is a reserved word in other databases, where it names the database's own user.
ALTER TABLE keys RENAME COLUMN user TO account;
ALTER TABLE logins RENAME COLUMN user TO account;
ALTER TABLE identities RENAME COLUMN user TO account;
ALTER TABLE links RENAME COLUMN user TO account;
ALTER TABLE sessions RENAME COLUMN user TO account;
ALTER TABLE memberships RENAME COLUMN user TO account;
ALTER TABLE orders RENAME COLUMN user TO account;
ALTER TABLE baskets RENAME COLUMN user TO account;
ALTER TABLE licence_acceptances RENAME COLUMN user TO account;
