using System.Collections.Concurrent;

namespace Sluice.Samples.Referencing;

/// <summary>What is known of a user, from two services that know nothing of each other.</summary>
public sealed record UserRecord(string? Email, string? Address);

/// <summary>
/// The example of disref's documentation: services look up different parts of one record and apply them to a cached copy; whoever is the last to use the record writes it to the
/// database.
/// </summary>
/// <param name="engine">The service's engine.</param>
/// <param name="cache">The copies, which the services share.</param>
/// <param name="database">Where finished records go.</param>
public sealed class Enrichment(SluiceEngine engine, ConcurrentDictionary<string, UserRecord> cache, UserDatabase database)
{
    private readonly IReferenceSet _records = engine.References("records", (last, _) =>
    {
        database.Write(last.Key, cache[last.Key], last.FencingToken, last.TimesModified);
        return ValueTask.CompletedTask;
    });

    /// <summary>Says that this service is going to work on a user: until it has, the record is not finished.</summary>
    public ValueTask<Reference> BeginAsync(string user, CancellationToken cancellation = default) => _records.AcquireAsync(user, cancellation);

    /// <summary>Applies what the service has found out. True when that finished the record.</summary>
    public async Task<bool> ApplyAsync(Reference reference, Func<UserRecord, UserRecord> apply, CancellationToken cancellation = default)
    {
        await using (await _records.LockOf(reference.Key).AcquireAsync(cancellation: cancellation))
            cache[reference.Key] = apply(cache.GetValueOrDefault(reference.Key, new UserRecord(null, null)));
        await reference.MarkModifiedAsync(cancellation);
        return await reference.ReleaseAsync(cancellation: cancellation) == DereferenceOutcome.LastOut;
    }
}

/// <summary>Takes a record once, and none from a process that has been replaced.</summary>
public sealed class UserDatabase
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (UserRecord Record, long Fence, long TimesModified)> _rows = [];

    /// <summary>How often somebody wrote.</summary>
    public int Writes { get; private set; }

    /// <summary>A row, or null.</summary>
    public UserRecord? this[string user]
    {
        get
        {
            lock (_gate)
                return _rows.TryGetValue(user, out (UserRecord Record, long Fence, long TimesModified) row) ? row.Record : null;
        }
    }

    /// <summary>How many services a row is from.</summary>
    public long TimesModified(string user)
    {
        lock (_gate)
            return _rows[user].TimesModified;
    }

    internal void Write(string user, UserRecord record, long fence, long timesModified)
    {
        lock (_gate)
        {
            if (_rows.TryGetValue(user, out (UserRecord Record, long Fence, long TimesModified) row) && row.Fence >= fence)
                return;
            _rows[user] = (record, fence, timesModified);
            Writes++;
        }
    }
}
