using Sluice.Harness.Faults;

namespace Sluice.Harness.Load;

/// <summary>What the engines of a conservation run coordinate through, and what is done to it meanwhile.</summary>
internal interface IConservationNetwork
{
    /// <summary>The coordinator of one engine; engines dispose none.</summary>
    Coordinator CoordinatorOf(int engine);

    /// <summary>Disrupts what there is to disrupt; the writers write until it ends.</summary>
    Task DisruptAsync(CancellationToken cancellation);

    /// <summary>From now on nothing goes wrong any more, and nothing is under way.</summary>
    Task HealAsync();

    /// <summary>What was done, for evidence.</summary>
    string Describe();
}

/// <summary>One coordinator for all, behind a network that is rough by itself.</summary>
internal sealed class FaultyCoordinatorNetwork(FaultyCoordinator coordinator) : IConservationNetwork
{
    public Coordinator CoordinatorOf(int engine) => coordinator;

    public Task DisruptAsync(CancellationToken cancellation) => Task.CompletedTask;

    public Task HealAsync()
    {
        coordinator.Heal();
        return coordinator.SettleAsync();
    }

    public string Describe() => coordinator.Describe();
}
