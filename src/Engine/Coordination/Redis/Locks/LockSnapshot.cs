using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Sluice.Locking;
using Sluice.Resp;

namespace Sluice.Coordination.Redis;

/// <summary>
/// Everything that a server holds of one partition of the locks at one moment, as the value that the pure transitions work on: what invariants and other coordinators can be
/// compared with.
/// </summary>
/// <param name="Now">Server time.</param>
/// <param name="State">The partition.</param>
/// <param name="Faults">What the stored form says twice and differently, one readable sentence each; what the state itself violates is for <see cref="LockInvariants"/> to say.</param>
internal sealed record LockSnapshot(long Now, LockPartitionState State, ImmutableArray<string> Faults)
{
    public static ValueTask<LockSnapshot> ReadAsync(RespClient client, LockScripts scripts, LockPartitionKeys keys, CancellationToken cancellation)
    {
        RespCommand command = client.Command(scripts.Snapshot, keys.All.Count);
        foreach (byte[] key in keys.All)
            command.Key(key);
        return command.ToAsync(static (ref reply) => new Reading(reply).Result(), cancellationToken: cancellation);
    }

    /// <summary>Takes the answer apart. Lives for one answer.</summary>
    private ref struct Reading
    {
        private readonly List<string> _faults = [];
        private ReplyCursor _cursor;

        public Reading(RespReader reply) => _cursor = new ReplyCursor(reply);

        public LockSnapshot Result()
        {
            long now = _cursor.Number();
            List<(byte[] Name, byte[] Value)> sessions = _cursor.Hash();
            ImmutableSortedSet<(long, IncarnationId)> leases = [.. _cursor.Queue().Select(static entry => (entry.Score, PackedLocks.ReadSession(entry.Name)))];
            HashSet<IncarnationId> ending = [.. _cursor.Queue().Select(static entry => PackedLocks.ReadSession(entry.Name))];
            List<PackedHandle> handles = [.. _cursor.Queue().Select(static entry => PackedHandle.Read(entry.Name))];
            Dictionary<ResourceKey, PackedLockRecord> records = _cursor.Hash().ToDictionary(static entry => new ResourceKey(entry.Name), static entry => PackedLockRecord.Read(entry.Value));
            List<PackedWaiter> waiters = [.. _cursor.Queue().Select(static entry => PackedWaiter.Read(entry.Name))];
            HashSet<ResourceKey> waited = [.. _cursor.Queue().Select(static entry => new ResourceKey(entry.Name))];
            ImmutableSortedSet<(long, ResourceKey, LockHandleId)> bounds =
            [
                .. _cursor.Queue().Select(static entry => (entry.Score, new ResourceKey(entry.Name.AsSpan(..^PackedLocks.HandleBytes)), PackedLocks.ReadHandle(entry.Name.AsSpan(^PackedLocks.HandleBytes..)))),
            ];

            LockPartitionState state = LockPartitionState.Empty with { Leases = leases, Bounds = bounds };
            Dictionary<LockHandleId, PackedHandle> byHandle = handles.ToDictionary(static handle => handle.Handle);
            state = state with { Records = Records(records, waiters, byHandle) };
            state = Sessions(state, sessions, handles);
            Expect(ending.SetEquals(state.Ending.Keys), "The list of dead sessions with handles is not what the handles say.");
            Expect(
                waited.SetEquals(records.Where(static record => record.Value.Waiting > 0 || record.Value.Upgrade is not null).Select(static record => record.Key)),
                "The list of resources that somebody waits for is not what the records say.");
            return new LockSnapshot(now, state, [.. _faults]);
        }

        private ImmutableDictionary<ResourceKey, LockRecord> Records(
            Dictionary<ResourceKey, PackedLockRecord> records, List<PackedWaiter> waiters, Dictionary<LockHandleId, PackedHandle> handles)
        {
            ILookup<ResourceKey, PackedWaiter> byResource = waiters.ToLookup(static waiter => waiter.Resource);
            Expect(byResource.All(line => records.ContainsKey(line.Key)), "Somebody waits for a resource that has no record.");
            ImmutableDictionary<ResourceKey, LockRecord>.Builder found = ImmutableDictionary.CreateBuilder<ResourceKey, LockRecord>();
            foreach ((ResourceKey resource, PackedLockRecord packed) in records)
            {
                ImmutableSortedDictionary<long, LockWaiter>.Builder line = ImmutableSortedDictionary.CreateBuilder<long, LockWaiter>();
                foreach (PackedWaiter waiter in byResource[resource])
                {
                    if (!handles.TryGetValue(waiter.Handle, out PackedHandle? handle) || handle.Waiter is not { } entry)
                    {
                        _faults.Add($"{waiter.Handle} stands in the line of '{resource}' and does not wait.");
                        continue;
                    }

                    Expect(entry.ClaimOn(resource) is { } claim && claim.Mode == waiter.Mode && claim.Capacity == waiter.Capacity, $"{waiter.Handle} wants '{resource}' in two ways.");
                    Expect(entry.Claims.Length == waiter.Claims && entry.IsWriter == waiter.IsWriter, $"{waiter.Handle} stands in a line of '{resource}' where it does not belong.");
                    line.Add(waiter.Place, entry);
                }

                Expect(line.Count == packed.Waiting, $"'{resource}' counts {packed.Waiting} waiters, its lines have {line.Count}.");
                found.Add(resource, packed.ToRecord(resource, line.ToImmutable()));
            }

            return found.ToImmutable();
        }

        private static LockPartitionState Sessions(LockPartitionState state, List<(byte[] Name, byte[] Value)> stored, List<PackedHandle> handles)
        {
            Dictionary<IncarnationId, ImmutableSortedDictionary<long, LockHandleEntry>> entries = handles
                .GroupBy(static handle => handle.Handle.Session)
                .ToDictionary(static group => group.Key, static group => group.ToImmutableSortedDictionary(static handle => handle.Handle.Number, static handle => handle.ToEntry()));
            ImmutableDictionary<IncarnationId, LockSession>.Builder sessions = ImmutableDictionary.CreateBuilder<IncarnationId, LockSession>();
            foreach ((byte[] name, byte[] record) in stored)
            {
                ReadOnlySpan<byte> value = record;
                if (name is [(byte)'#'])
                {
                    state = state with { Clock = PackedRecords.Read7(value[8..]), LastWrite = PackedRecords.Read7(value[15..]) };
                    continue;
                }

                IncarnationId id = PackedLocks.ReadSession(name);
                int length = BinaryPrimitives.ReadUInt16LittleEndian(value[21..]);
                ImmutableSortedSet<long>.Builder finished = ImmutableSortedSet.CreateBuilder<long>();
                for (ReadOnlySpan<byte> rest = value[(23 + length)..]; !rest.IsEmpty; rest = rest[7..])
                    finished.Add(PackedLocks.ReadNumber(rest));
                sessions.Add(id, new LockSession(PackedRecords.Read7(value), PackedRecords.Read7(value[7..]), Encoding.UTF8.GetString(value.Slice(23, length)))
                {
                    Floor = PackedRecords.Read7(value[14..]),
                    Finished = finished.ToImmutable(),
                    Handles = entries.Remove(id, out ImmutableSortedDictionary<long, LockHandleEntry>? own) ? own : ImmutableSortedDictionary<long, LockHandleEntry>.Empty,
                });
            }

            return state with { Sessions = sessions.ToImmutable(), Ending = entries.ToImmutableSortedDictionary() };
        }

        private readonly void Expect(bool isTrue, string fault)
        {
            if (!isTrue)
                _faults.Add(fault);
        }
    }
}
