using System.Buffers.Binary;
using System.Collections.Immutable;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// Everything that a server holds of one partition at one moment, as the value that the pure transitions work on: what invariants and other coordinators can be
/// compared with.
/// </summary>
/// <param name="Now">Server time.</param>
/// <param name="State">The partition.</param>
/// <param name="Faults">What the stored form says twice and differently, one readable sentence each; what the state itself violates is for <see cref="PartitionInvariants"/> to say.</param>
internal sealed record PartitionSnapshot(long Now, PartitionState State, ImmutableArray<string> Faults)
{
    public static ValueTask<PartitionSnapshot> ReadAsync(RespClient client, RedisScripts scripts, PartitionKeys keys, CancellationToken cancellation)
    {
        RespCommand command = client.Command(scripts.Snapshot, 14);
        command.Key(keys.Meta).Key(keys.Leases).Key(keys.Tombstones).Key(keys.PurgeQueue).Key(keys.Fenced).Key(keys.Open).Key(keys.OpenLarge).Key(keys.Due)
            .Key(keys.Sealed).Key(keys.SealedLarge).Key(keys.Claims).Key(keys.Parked).Key(keys.DeadLetters).Key(keys.DeadLetterNames).Write(keys.OwnedPrefix);
        return command.ToAsync(static (ref reply) => new Reading(reply).Result(), cancellationToken: cancellation);
    }

    /// <summary>Takes the answer apart. Lives for one answer.</summary>
    private ref struct Reading
    {
        private readonly List<string> _faults = [];
        private ReplyCursor _cursor;

        public Reading(RespReader reply) => _cursor = new ReplyCursor(reply);

        public PartitionSnapshot Result()
        {
            long now = _cursor.Number();
            PartitionState state = PartitionState.Empty;
            long references = Members(ref state);
            state = state with { Leases = [.. _cursor.Queue().Select(static entry => (entry.Score, IncarnationId.Parse(Text(entry.Name))))] };
            Dictionary<IncarnationId, int> held = Tombstones(ref state);
            state = state with { TombstoneQueue = [.. _cursor.Queue().Select(static entry => (entry.Score, IncarnationId.Parse(Text(entry.Name))))] };
            HashSet<IncarnationId> fenced = [.. _cursor.Queue().Select(static entry => IncarnationId.Parse(Text(entry.Name)))];
            List<(byte[] Name, byte[] Value)> open = _cursor.Hash();
            Dictionary<ResourceKey, byte[]> openLarge = _cursor.Hash().ToDictionary(static entry => new ResourceKey(entry.Name), static entry => entry.Value);
            state = state with { Due = [.. _cursor.Queue().Select(static entry => (entry.Score, new ResourceKey(entry.Name)))] };
            state = state with { Open = open.ToImmutableDictionary(static entry => new ResourceKey(entry.Name), entry => PackedRecords.Open(entry.Value, openLarge.GetValueOrDefault(new ResourceKey(entry.Name)))) };
            List<(byte[] Name, byte[] Value)> done = _cursor.Hash();
            Dictionary<ResourceKey, byte[]> doneLarge = _cursor.Hash().ToDictionary(static entry => new ResourceKey(entry.Name), static entry => entry.Value);
            state = state with { Claims = [.. _cursor.Queue().Select(static entry => (entry.Score, new ResourceKey(entry.Name)))] };
            state = state with { Sealed = done.ToImmutableDictionary(static entry => new ResourceKey(entry.Name), entry => PackedRecords.Sealed(entry.Value, doneLarge.GetValueOrDefault(new ResourceKey(entry.Name)))) };
            HashSet<ResourceKey> parked = [.. _cursor.Queue().Select(static entry => new ResourceKey(entry.Name))];
            List<(byte[] Name, byte[] Value)> letters = _cursor.Hash();
            state = state with
            {
                DeadLetters = letters.Select(static entry => PackedRecords.Letter(entry.Name, entry.Value))
                    .ToImmutableSortedDictionary(static letter => (letter.Resource, letter.Id), static letter => letter),
            };
            HashSet<string> names = [.. _cursor.Queue().Select(static entry => Convert.ToHexString(entry.Name))];
            Owned(ref state, held);

            long counted = state.Owned.Values.Sum(static owned => (long)owned.Count);
            Expect(references == counted, $"The partition counts {references} references, but owned sets have {counted}.");
            Expect(fenced.SetEquals(state.Owned.Keys.Where(id => !state.Members.ContainsKey(id))), "The list of fenced incarnations that still own something is not what the owned sets say.");
            Expect(openLarge.Keys.All(state.Open.ContainsKey), "Large fields are kept of a resource that has no open record.");
            Expect(doneLarge.Keys.All(state.Sealed.ContainsKey), "Large fields are kept of a resource that has no sealed record.");
            Expect(parked.SetEquals(state.Sealed.Where(static entry => entry.Value.Parked).Select(static entry => entry.Key)), "The list of parked sessions is not what the sealed records say.");
            Expect(names.SetEquals(letters.Select(static entry => Convert.ToHexString(entry.Name))), "The list of dead letters is not what the letters say.");
            return new PartitionSnapshot(now, state, [.. _faults]);
        }

        private static string Text(byte[] name) => System.Text.Encoding.ASCII.GetString(name);

        private readonly void Expect(bool isTrue, string fault)
        {
            if (!isTrue)
                _faults.Add(fault);
        }

        private long Members(ref PartitionState state)
        {
            long references = 0;
            ImmutableDictionary<IncarnationId, Member>.Builder members = ImmutableDictionary.CreateBuilder<IncarnationId, Member>();
            foreach ((byte[] name, byte[] record) in _cursor.Hash())
            {
                ReadOnlySpan<byte> value = record;
                if (name is [(byte)'#'])
                {
                    state = state with { Layout = BinaryPrimitives.ReadUInt64LittleEndian(value), Clock = PackedRecords.Read7(value[8..]), LastWrite = PackedRecords.Read7(value[15..]) };
                    references = BinaryPrimitives.ReadUInt32LittleEndian(value[22..]);
                }
                else
                {
                    ImmutableArray<RefusedItem> refused = PackedRecords.Refused(value[33..]);
                    Member member = new(
                        PackedRecords.Read7(value), BinaryPrimitives.ReadUInt64LittleEndian(value[7..]), refused, PackedRecords.Read7(value[15..]), PackedRecords.Read7(value[22..]))
                    {
                        Released = PackedRecords.Released(value[33..]),
                    };
                    members.Add(IncarnationId.Parse(Text(name)), member);
                }
            }

            state = state with { Members = members.ToImmutable() };
            return references;
        }

        private Dictionary<IncarnationId, int> Tombstones(ref PartitionState state)
        {
            Dictionary<IncarnationId, int> held = [];
            ImmutableDictionary<IncarnationId, Tombstone>.Builder dead = ImmutableDictionary.CreateBuilder<IncarnationId, Tombstone>();
            foreach ((byte[] name, byte[] record) in _cursor.Hash())
            {
                ReadOnlySpan<byte> value = record;
                IncarnationId id = IncarnationId.Parse(Text(name));
                held[id] = BinaryPrimitives.ReadInt32LittleEndian(value[22..]);
                dead.Add(id, new Tombstone(PackedRecords.Read7(value), BinaryPrimitives.ReadUInt64LittleEndian(value[7..]), PackedRecords.Refused(value[26..]), PackedRecords.Read7(value[15..])) { Released = PackedRecords.Released(value[26..]) });
            }

            state = state with { Tombstones = dead.ToImmutable() };
            return held;
        }

        private void Owned(ref PartitionState state, Dictionary<IncarnationId, int> heldByDead)
        {
            ImmutableDictionary<IncarnationId, ImmutableDictionary<ResourceKey, Holding>>.Builder all = ImmutableDictionary.CreateBuilder<IncarnationId, ImmutableDictionary<ResourceKey, Holding>>();
            ReplyCursor sets = _cursor.Nested();
            for (int i = sets.Count / 2; i > 0; i--)
            {
                IncarnationId id = IncarnationId.Parse(sets.Next().ReadString()!);
                ReplyCursor entries = sets.Nested();
                ImmutableDictionary<ResourceKey, Holding>.Builder owned = ImmutableDictionary.CreateBuilder<ResourceKey, Holding>();
                for (int at = entries.Count / 2; at > 0; at--)
                    owned.Add(new ResourceKey(entries.Bytes()), PackedRecords.Holding(entries.Bytes()));
                if (owned.Count > 0)
                    all.Add(id, owned.ToImmutable());
                if (heldByDead.TryGetValue(id, out int held))
                    Expect(held == owned.Count, $"The tombstone of {id} counts {held} references, its owned set has {owned.Count}.");
            }

            state = state with { Owned = all.ToImmutable() };
        }
    }
}
