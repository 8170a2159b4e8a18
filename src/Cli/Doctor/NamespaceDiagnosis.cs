using System.Globalization;
using Sluice.Cli.Redis;
using Sluice.Cli.Report;
using Sluice.Coordination;

namespace Sluice.Cli.Doctor;

/// <summary>Examines every partition of a namespace on the live store.</summary>
internal static class NamespaceDiagnosis
{
    private const int ShownOfEach = 5;
    private const int ReapLimit = 256;
    private const long LongOverdue = 60_000_000;
    private const long TombstoneLife = 24L * 3600 * 1_000_000;

    private const string Damage =
        "What is stored contradicts itself: it was written by other software, restored in part, or a defect of this one. Sessions of these keys may be lost or completed twice. Keep a copy (sluice inspect --json), report it, then sluice drain.";

    /// <summary>Writes what it finds.</summary>
    /// <param name="store">The servers.</param>
    /// <param name="space">The namespace.</param>
    /// <param name="fix">Whether to take back what the dead held.</param>
    /// <param name="findings">Told.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async ValueTask WriteAsync(RedisStore store, StoredNamespace space, bool fix, Findings findings, CancellationToken cancellation)
    {
        findings.Begin($"{space.Prefix}:{space.Aggregate}, schema {space.Fingerprint:x16}");
        int partitions = 0;
        Totals totals = new();
        List<string> damages = [];
        await foreach (StoredPartition partition in store.ReadAsync(space, cancellation).ConfigureAwait(false))
        {
            partitions++;
            PartitionState state = partition.Snapshot.State;
            damages.AddRange(PartitionInvariants.Check(state).Concat(partition.Snapshot.Faults).Select(fault => $"partition {partition.Number}: {fault}"));
            if (space.Listing is { } listing && state.Layout != 0 && state.Layout != listing.Layout)
                damages.Add($"partition {partition.Number}: its layout is {state.Layout:x16}, its processes say {listing.Layout:x16}: they can't flush into it.");
            await totals.AddAsync(partition, fix, findings, cancellation).ConfigureAwait(false);
        }

        if (damages.Count == 0)
            findings.Sound($"the invariants hold in {(partitions == 0 ? "every partition; nothing is stored" : $"{HumanUnits.Count(partitions)} partitions")}");
        foreach (string damage in damages.Take(ShownOfEach))
            findings.Problem(damage, Damage);
        if (damages.Count > ShownOfEach)
            findings.Problem($"and {damages.Count - ShownOfEach} more of this kind", Damage);
        if (space.Listing is null)
            findings.Notice("its processes have not listed it", "Values can't be shown and letters can't be replayed. It was written by an older version, or its user may not write the key prefix:aggregates.");
        totals.Write(findings);
    }

    /// <summary>What is not damage, over all partitions.</summary>
    private sealed class Totals
    {
        private readonly HashSet<IncarnationId> _expired = [];
        private int _living;
        private long _expiredReferences;
        private long _overdue;
        private long _oldestOverdue;
        private long _parked;
        private long _letters;
        private long _abandoned;
        private long _clockBehind;

        public async ValueTask AddAsync(StoredPartition partition, bool fix, Findings findings, CancellationToken cancellation)
        {
            (PartitionState state, long now) = (partition.Snapshot.State, partition.Snapshot.Now);
            _living += state.Members.Values.Count(member => member.LeaseDeadline > now);
            _clockBehind = Math.Max(_clockBehind, state.LastWrite - now);
            _parked += state.Sealed.Values.Count(static done => done.Parked);
            _letters += state.DeadLetters.Count;
            foreach ((long due, _) in state.Due.TakeWhile(entry => entry.Due < now - LongOverdue))
            {
                _overdue++;
                _oldestOverdue = Math.Max(_oldestOverdue, now - due);
            }

            _abandoned += state.Claims.Count(claim => claim.Deadline < now - LongOverdue);
            IncarnationId[] dead = [.. state.Members.Where(member => member.Value.LeaseDeadline <= now).Select(static member => member.Key).Concat(state.Owned.Keys.Where(state.Tombstones.ContainsKey)).Distinct()];
            if (fix)
                await ReapAsync(partition, dead, findings, cancellation).ConfigureAwait(false);
            else
                Expire(state, dead);
        }

        public void Write(Findings findings)
        {
            if (_expired.Count > 0)
            {
                findings.Problem(
                    string.Create(CultureInfo.InvariantCulture, $"{_expired.Count:N0} dead members hold {_expiredReferences:N0} references: the sessions of these resources do not end"),
                    _living > 0 ? "Running processes take them back within a lease; look again, or sluice doctor --fix." : "No process is running that would take them back: start one, or sluice doctor --fix.");
            }

            if (_overdue > 0)
            {
                findings.Problem(
                    string.Create(CultureInfo.InvariantCulture, $"{_overdue:N0} sessions should have been completed, the oldest for {MomentText.Span(_oldestOverdue)}"),
                    _living > 0 ? "Processes run, but none completes them, or not fast enough: does one register the aggregate with a completion handler?" : "No process is running: start one that registers the aggregate with a completion handler.");
            }

            if (_abandoned > 0)
                findings.Problem(string.Create(CultureInfo.InvariantCulture, $"{_abandoned:N0} claimed sessions were given up and nobody takes them over"), "Start a process that registers the aggregate with a completion handler.");
            if (_clockBehind > 1_000_000)
                findings.Problem($"the server's clock is {MomentText.Span(_clockBehind)} behind the last write: it was set back, or a replica with another clock took over", "Beats of running processes bring deadlines back; keep the clocks of the servers together (NTP).");
            if (_parked > 0)
                findings.Notice(string.Create(CultureInfo.InvariantCulture, $"{_parked:N0} sessions are parked: completing them failed too often, and later sessions of these keys wait"), "sluice letters list shows why; mend the sink, then sluice letters replay, or purge.");
            if (_letters > 0)
                findings.Notice(string.Create(CultureInfo.InvariantCulture, $"{_letters:N0} dead letters"), "sluice letters list; then replay, or purge.");
        }

        private void Expire(PartitionState state, IncarnationId[] dead)
        {
            foreach (IncarnationId id in dead.Where(state.Owned.ContainsKey))
            {
                _expired.Add(id);
                _expiredReferences += state.Owned[id].Count;
            }
        }

        /// <summary>Fences and takes back, as the protocol has any engine do: a member that lives is refused by the script itself.</summary>
        private static async ValueTask ReapAsync(StoredPartition partition, IncarnationId[] dead, Findings findings, CancellationToken cancellation)
        {
            foreach (IncarnationId id in dead)
            {
                int before = partition.Snapshot.State.Owned.TryGetValue(id, out var owned) ? owned.Count : 0;
                ReapReply reply;
                do
                    reply = await partition.Open(cancellation).ReapAsync(new ReapRequest(id, ReapLimit, Linger: 0, TombstoneLife)).ConfigureAwait(false);
                while (reply is { WasExpired: true, Remaining: > 0 });
                if (reply.WasExpired)
                    findings.Mended($"partition {partition.Number}: fenced {id} and took back {HumanUnits.Count(before)} references");
            }
        }
    }
}
