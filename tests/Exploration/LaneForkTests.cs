using System.Reflection;
using Sluice.Flushing;
using Xunit;

namespace Sluice.Exploration;

/// <summary>The search forks lanes by their private fields.</summary>
public sealed class LaneForkTests
{
    // A list or queue that a fork shared with its origin would make the search see states that do not exist.
    [Fact]
    public void Every_field_of_a_lane_is_known_to_its_fork()
    {
        IEnumerable<string> fields = typeof(LaneMachine).GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public).Select(static field => field.Name);
        Assert.Equal(LaneFork.Shared.Union(LaneFork.Copied).Order(), fields.Order());
    }

    // What a fork shares has to be a value, one of all lanes, or a scratch pad.
    [Fact]
    public void What_a_fork_shares_can_not_change_in_place()
    {
        foreach (FieldInfo field in typeof(LaneMachine).GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Where(static field => LaneFork.Shared.Contains(field.Name)))
            Assert.True(field.FieldType.IsValueType || field.Name.StartsWith('<') || field.Name is "_scratch" or "_named", field.Name);
    }
}
