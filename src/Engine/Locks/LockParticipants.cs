using System.Collections.Immutable;

namespace Sluice;

/// <summary>Who holds a lock and who waits for it, at one moment.</summary>
/// <param name="Holders">In the order in which they were granted.</param>
/// <param name="Waiters">In the order in which they came, at most 1,000.</param>
/// <param name="Waiting">How many wait, listed or not.</param>
public sealed record LockParticipants(ImmutableArray<LockParticipant> Holders, ImmutableArray<LockParticipant> Waiters, int Waiting);

/// <summary>One who holds or waits.</summary>
/// <param name="Process">What its engine says of itself (<see cref="EngineLockOptions.Description"/>).</param>
/// <param name="IsThisEngine">Whether it is a handle of the engine that was asked.</param>
/// <param name="Owner">Its owner's name, or null.</param>
/// <param name="Access">What for; with mutexes and semaphores <see cref="LockAccess.Write"/>.</param>
/// <param name="FencingToken">Its token; 0 while it waits.</param>
/// <param name="Age">Since when it holds or waits, by the coordinator's clock.</param>
/// <param name="IsRevocationRequested">Whether it has been asked to let go.</param>
public sealed record LockParticipant(
    string Process, bool IsThisEngine, string? Owner, LockAccess Access, long FencingToken, TimeSpan Age, bool IsRevocationRequested);

/// <summary>Owners that wait for each other: none of them will go on until one gives up.</summary>
/// <param name="Waits">Each waits for the next one, the last for the first.</param>
public sealed record LockDeadlock(ImmutableArray<LockWait> Waits);

/// <summary>One who waits.</summary>
/// <param name="Owner">Its owner's name, or the process and number of a handle without one.</param>
/// <param name="Lock">What it waits for: kind and name.</param>
/// <param name="BlockedBy">Who holds it, or comes before.</param>
public sealed record LockWait(string Owner, string Lock, string BlockedBy);
