//! Those who stand in line, in the order in which they came, each found by its id.
//!
//! Ten thousand clones of a service may wait at one circuit and leave in any order. All of it happens under the circuit's
//! lock, so nothing here looks through the line for one of them: each step costs the logarithm of how many there are, and
//! what takes many out costs as much for each of those.

use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Line<T> {
    last_place: u64,
    places: BTreeMap<u64, u64>,
    /// By place: the id of who stands there, and what it brought.
    standing: BTreeMap<u64, (u64, T)>,
}

impl<T> Line<T> {
    pub(super) fn len(&self) -> usize {
        self.standing.len()
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let place = self.places.get(&id)?;
        self.standing.get_mut(place).map(|(_, brought)| brought)
    }

    /// At the end of the line. `id` is not in it.
    pub(super) fn push(&mut self, id: u64, brought: T) {
        self.last_place += 1;
        self.places.insert(id, self.last_place);
        self.standing.insert(self.last_place, (id, brought));
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        let place = self.places.remove(&id)?;
        self.standing.remove(&place).map(|(_, brought)| brought)
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.standing.first_key_value().map(|(_, (id, _))| *id)
    }

    pub(super) fn first_mut(&mut self) -> Option<&mut T> {
        self.standing.first_entry().map(|first| &mut first.into_mut().1)
    }

    pub(super) fn pop_first(&mut self) -> Option<(u64, T)> {
        let (_, (id, brought)) = self.standing.pop_first()?;
        self.places.remove(&id);
        Some((id, brought))
    }

    /// Takes out those who are not to stay.
    pub(super) fn retain(&mut self, stays: impl Fn(u64) -> bool) -> impl Iterator<Item = T> {
        let places = &mut self.places;
        self.standing.extract_if(.., move |_, (id, _)| !stays(*id)).map(|(_, (id, brought))| {
            places.remove(&id);
            brought
        })
    }

    /// Takes out all.
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.places.clear();
        std::mem::take(&mut self.standing).into_values().map(|(_, brought)| brought)
    }
}

// By hand: what is brought need not have a default.
impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { last_place: 0, places: BTreeMap::new(), standing: BTreeMap::new() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_left_is_in_neither_index() {
        let mut line = Line::default();
        (10..20).for_each(|id| line.push(id, id * 2));
        assert_eq!((line.remove(13), line.remove(13), line.get_mut(13)), (Some(26), None, None));
        assert_eq!(line.pop_first(), Some((10, 20)));
        assert_eq!(line.retain(|id| id > 15).collect::<Vec<_>>(), [22, 24, 28, 30]);
        line.push(13, 0);
        assert_eq!((line.first(), line.first_mut().copied(), line.get_mut(13).copied()), (Some(16), Some(32), Some(0)));
        assert_eq!((line.len(), line.places.len()), (5, 5));
        assert_eq!(line.take().collect::<Vec<_>>(), [32, 34, 36, 38, 0], "in the order in which they came");
        assert_eq!((line.len(), line.places.len()), (0, 0));
    }
}
