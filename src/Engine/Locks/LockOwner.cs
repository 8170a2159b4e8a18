using System.Globalization;
using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice;

/// <summary>
/// Who is behind acquisitions: may acquire again what it holds, and is named in reports of deadlocks. An object that you hand around; a thread or an async
/// flow is never an owner by itself.
/// </summary>
/// <remarks>All members are thread-safe. Re-entry happens within one engine and asks nobody.</remarks>
public sealed class LockOwner
{
    private static readonly AsyncLocal<LockOwner?> Ambient = new();
    private static long _lastUnnamed;

    private readonly Dictionary<(LockClient, ResourceKey), OwnedResource> _held = [];

    /// <summary>An owner.</summary>
    /// <param name="name">
    /// For people and reports, 1 to 100 characters; different owners, also those of other processes, should have different ones. Null = one is made up.
    /// </param>
    public LockOwner(string? name = null)
    {
        if (name is { Length: 0 or > 100 })
            throw new ArgumentException("An owner's name must have 1 to 100 characters.", nameof(name));
        Name = name ?? string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}:{Environment.ProcessId}:{Interlocked.Increment(ref _lastUnnamed)}");
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The owner that flows with the current async context; null: none.</summary>
    public static LockOwner? Flowing => Ambient.Value;

    /// <summary>
    /// Lets this owner flow with the async context from here on, into whatever is called and started: locks with
    /// <see cref="LockOptions.UseFlowingOwner"/> are acquired by it. Disposal brings the one before back.
    /// </summary>
    public IDisposable Flow()
    {
        LockOwner? before = Ambient.Value;
        Ambient.Value = this;
        return new Scope(before);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The resource as this owner has it; the caller returns it with <see cref="Leave"/>.</summary>
    internal OwnedResource Enter(LockClient client, ResourceKey resource)
    {
        lock (_held)
        {
            if (!_held.TryGetValue((client, resource), out OwnedResource? owned))
                _held.Add((client, resource), owned = new OwnedResource(this, client, resource));
            owned.Users++;
            return owned;
        }
    }

    internal void Leave(OwnedResource owned)
    {
        lock (_held)
        {
            if (--owned.Users == 0)
                _held.Remove((owned.Client, owned.Resource));
        }
    }

    private sealed class Scope(LockOwner? before) : IDisposable
    {
        public void Dispose() => Ambient.Value = before;
    }
}
