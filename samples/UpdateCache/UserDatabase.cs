namespace Sluice.Samples.UpdateCache;

/// <summary>A table of users, as a database would have it, that can be out of order for a while.</summary>
/// <remarks>
/// The engine delivers a session at least once, always with the same content. The table notes which sessions it has, in the transaction that adds them
/// up: that makes it exactly once.
/// </remarks>
public sealed class UserDatabase
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, UserRow> _rows = [];
    private readonly Dictionary<string, Settings> _settings = [];
    private readonly HashSet<string> _sessions = [];
    private readonly List<Completion<UserUpdate>> _deliveries = [];
    private int _failuresLeft;

    /// <summary>How many sessions were written: what the flood of updates became.</summary>
    public int Writes
    {
        get
        {
            lock (_gate)
                return _sessions.Count;
        }
    }

    /// <summary>Every delivery, refused and repeated ones included, in their order.</summary>
    public IReadOnlyList<Completion<UserUpdate>> Deliveries
    {
        get
        {
            lock (_gate)
                return [.. _deliveries];
        }
    }

    /// <summary>The next so many writes fail.</summary>
    public void FailNext(int writes)
    {
        lock (_gate)
            _failuresLeft = writes;
    }

    public UserRow? Find(string userId)
    {
        lock (_gate)
            return _rows.GetValueOrDefault(userId);
    }

    /// <summary>What a user has set last, by name.</summary>
    public IReadOnlyDictionary<string, string> FindSettings(string userId)
    {
        lock (_gate)
            return (_settings.GetValueOrDefault(userId) ?? Settings.Empty).Values;
    }

    /// <summary>Adds a finished session to its user's row, once.</summary>
    public void Write(Completion<UserUpdate> session)
    {
        lock (_gate)
        {
            _deliveries.Add(session);
            if (_failuresLeft > 0)
            {
                _failuresLeft--;
                throw new InvalidOperationException("The database is away.");
            }

            if (!_sessions.Add(session.IdempotencyKey))
                return;
            _settings[session.Value.UserId] = Settings.Merge(_settings.GetValueOrDefault(session.Value.UserId) ?? Settings.Empty, session.Value.Settings);
            UserRow row = _rows.GetValueOrDefault(session.Value.UserId) ?? new UserRow(0, 0, default);
            _rows[session.Value.UserId] = new UserRow(
                row.Views + session.Value.Views,
                row.Clicks + session.Value.Clicks,
                session.Value.LastSeen > row.LastSeen ? session.Value.LastSeen : row.LastSeen);
        }
    }
}

public sealed record UserRow(long Views, long Clicks, DateTimeOffset LastSeen);
